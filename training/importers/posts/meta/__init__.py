"""The download of Meta: posts, comments and messages of Facebook, Instagram, Messenger and Threads."""
