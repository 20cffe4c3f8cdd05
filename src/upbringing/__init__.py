"""upbringing: same model, same data, another order, another mind. And the proof."""
