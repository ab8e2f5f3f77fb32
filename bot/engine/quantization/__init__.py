"""Quantised weights as files hold them: types of blocks, packed matrices, and the plain numbers they stand for."""
