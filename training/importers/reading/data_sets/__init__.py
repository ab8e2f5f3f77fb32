"""Records of data sets, of any shape, as dialogues."""
