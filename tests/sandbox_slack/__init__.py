"""The sandbox's Slack, proved against the official clients."""
