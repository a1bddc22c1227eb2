"""What lies in a folder: series of files, whole files, masters."""
