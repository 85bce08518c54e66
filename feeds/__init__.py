"""What Defender reports: alerts and file changes, routed, grouped and correlated with sessions."""
