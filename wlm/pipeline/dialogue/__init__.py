"""What an utterance means in its conversation: answers, follow-ups, corrections, undoing."""
