"""Behaviour models as a user would write them today in Python, beside ours."""
