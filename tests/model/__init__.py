"""What `apply` must do, said a second time: outcomes and levels from the records alone."""
