"""Numbers of single frames and of peaks: sums and centres of mass, exactly, and fits of a Gaussian."""
