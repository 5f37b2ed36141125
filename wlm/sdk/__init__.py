"""The faces for programs: ``Assistant`` works in this process."""
