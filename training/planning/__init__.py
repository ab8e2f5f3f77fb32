"""The recipe of a run and the resources that it takes."""
