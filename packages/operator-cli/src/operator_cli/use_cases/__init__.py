"""What the commands await: the rooms driven through their ports, a module for each theme."""
