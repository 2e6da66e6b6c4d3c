"""What this project takes for its work, side by side with what a user would use instead."""
