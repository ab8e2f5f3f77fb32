"""A Windows that is pretended to the packages `bot` and `training`, in processes of their own."""
