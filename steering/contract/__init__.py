"""What an analysis promises, checked by the kit and before it joins a run; and what it asks a person for."""
