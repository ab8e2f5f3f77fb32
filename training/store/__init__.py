"""Messages of a persona on disk, and files beside them."""
