"""What people do in Slack, turned into questions to approvals; and the views they see."""
