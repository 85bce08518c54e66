"""Inputs from the field, acted out by people against the whole product."""
