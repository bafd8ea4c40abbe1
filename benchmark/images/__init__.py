"""Images: found on this machine, decoded once, and opened as uint8 memory maps."""
