"""Training without this program: a loss as its text in torch, and a script of one file that trains a member anew."""
