"""What a person writes in a cell, made an analysis and tried before it joins a run."""
