"""Whole journeys, as people live them."""
