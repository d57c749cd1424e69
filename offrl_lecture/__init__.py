"""The lecture: its scenes, the mathematics that they show, and the training runs behind them."""
