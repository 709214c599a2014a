// A picture in another size: what is between four of its pixels, computed as floats.
#include <cstdint>
#include <cstring>

namespace {

typedef uint8_t Bytes __attribute__((vector_size(4)));
typedef float Pixel __attribute__((vector_size(16)));

// A pixel of four bytes, or of one, as floats.
template <int kBytes>
Pixel at(const uint8_t* from) {
  if (kBytes == 1) return Pixel{float(*from), 0, 0, 0};
  Bytes bytes;
  std::memcpy(&bytes, from, 4);
  return __builtin_convertvector(bytes, Pixel);
}

template <int kBytes>
void line(const uint8_t* upper, const uint8_t* lower, float down, const int64_t* lefts,
          const int64_t* rights, const float* across, int64_t wide, int64_t channels, float* out,
          int64_t column_step, int64_t channel_step) {
  for (int64_t j = 0; j < wide; ++j, out += column_step) {
    const int64_t left = lefts[j] * kBytes, right = rights[j] * kBytes;
    const Pixel a = at<kBytes>(upper + left), b = at<kBytes>(lower + left);
    const Pixel top = a + (at<kBytes>(upper + right) - a) * across[j];
    const Pixel bottom = b + (at<kBytes>(lower + right) - b) * across[j];
    const Pixel value = top + (bottom - top) * down;
    if (kBytes == 1)
      *out = value[0];
    else if (channel_step == 1)  // the place of a fourth channel may be another pixel's
      std::memcpy(out, &value, channels * sizeof(float));
    else
      for (int64_t c = 0; c < channels; ++c) out[c * channel_step] = value[c];
  }
}

}  // namespace

// x: rows of `width` pixels, of `bytes` (1 or 4) each. Row i of the result lies between the rows
// tops[i] and bottoms[i] of x, by the share down[i] of the way; so do the columns. `out` has
// `channels` floats a pixel, its steps are counted in floats.
extern "C" __attribute__((visibility("default"))) void keraunos_resize(
    const uint8_t* x, int64_t width, int64_t bytes, const int64_t* tops, const int64_t* bottoms,
    const float* down, int64_t high, const int64_t* lefts, const int64_t* rights,
    const float* across, int64_t wide, float* out, int64_t channels, int64_t row_step,
    int64_t column_step, int64_t channel_step) {
  const auto one = bytes == 1 ? line<1> : line<4>;
  for (int64_t i = 0; i < high; ++i, out += row_step)
    one(x + tops[i] * width * bytes, x + bottoms[i] * width * bytes, down[i], lefts, rights, across,
        wide, channels, out, column_step, channel_step);
}
