"""SMS Backup & Restore of SyncTech: the messages and calls of an Android phone as XML."""
