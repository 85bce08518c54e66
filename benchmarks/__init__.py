"""What `make bench` measures, as ratios to bare floors."""
