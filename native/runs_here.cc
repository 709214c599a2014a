// Whether this processor has the instructions of this library: compiled without them, to be safe.
extern "C" __attribute__((visibility("default"))) int keraunos_runs_here() {
  return KERAUNOS_RUNS_HERE;
}
