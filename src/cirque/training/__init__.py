"""What all trainings share: the loop, losses, schedules, and what they leave behind."""
