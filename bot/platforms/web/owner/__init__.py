"""The owner's page: the engine, places, personas, adapters and training, behind the page's login."""
