// Rows of an array, copied whole.
#include <cstring>

#include "kernels.h"

namespace keraunos {

void rows(const char* from, const int32_t* which, int64_t count, int64_t bytes, char* to,
          const Workers& workers) {
  // Pieces of 128 KiB: a smaller one is done before another thread has woken up.
  const int64_t piece = std::max<int64_t>(1, (128 << 10) / bytes);
  workers.share((count + piece - 1) / piece, [&](int64_t i) {
    const int64_t end = std::min(count, (i + 1) * piece);
    for (int64_t row = i * piece; row < end; ++row)
      std::memcpy(to + row * bytes, from + which[row] * bytes, bytes);
  });
}

}  // namespace keraunos
