"""What a run says of itself: counts, metrics and a summary, free of personal data."""
