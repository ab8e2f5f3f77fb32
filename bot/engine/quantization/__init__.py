"""Quantised weights as files hold them: types of blocks, packed matrices, their plain numbers, packing."""
