"""Between our probes and lm-evaluation-harness: its tasks of them, and its tasks as measures.

tasks     probes → a folder of tasks that it runs offline on our checkpoints
results   what it found out → readings
running   any task of it, asked in this process (the extra `lm-eval`)
"""
