"""What chapters found, in words that their numbers choose."""
