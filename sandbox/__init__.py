"""A Slack workspace and an Azure subscription on loopback, speaking the real protocols."""
