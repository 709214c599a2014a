"""compile, fit, evaluate, predict: feed -> step -> loop, in that order."""
