"""Decode, align and compare pictures."""
