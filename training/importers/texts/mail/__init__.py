"""E-mail: mbox, Maildir and single files."""
