"""Where blocks of photon events come from: files of Rigaku's and of Timepix3 detectors."""
