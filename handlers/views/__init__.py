"""What people see: pure functions from domain objects and a locale to Block Kit.

`safe` is the one place where foreign text is bounded and made inert, `blocks` the one that knows
Slack's elements. Nothing here decides, reads a clock or knows a service.
"""
