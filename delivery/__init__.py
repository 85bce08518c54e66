"""The durable way to a Slack channel: outbox, pacing, reconciliation, cards."""
