"""What an analysis promises: checked by the kit on varied frames, and on a run's own before it joins that run."""
