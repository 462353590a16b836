"""Proving the result: what recognisers say of faces."""
