"""Training: session, start, stages, schedule, loop, learner."""
