"""A run that sends nothing, and tells what it would have done."""
