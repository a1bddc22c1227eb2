"""What an analysis promises and asks for: checked by the kit on varied frames, and on a run's own before it joins that run."""
