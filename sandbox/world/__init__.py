"""The world that the sandbox's Slack and Azure share: its clock and its estate."""
