"""iMessage: the Messages database of a Mac or an iPhone, and imessage-exporter's texts."""
