"""What the running agent tells of itself: counts and durations, in the names of UnifiedPOS where it has them."""
