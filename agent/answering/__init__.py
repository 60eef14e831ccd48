"""From evidence to an answer: the best sentences, the judgement, the words, and the proof of every quote."""
