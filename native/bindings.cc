// The doors through which XLA calls the kernels.
#include "kernels.h"
#include "xla/ffi/api/ffi.h"

namespace ffi = xla::ffi;

namespace keraunos {

namespace {

using Floats = ffi::Buffer<ffi::F32>;
using Bools = ffi::Buffer<ffi::PRED>;
using Result = ffi::ResultBuffer<ffi::F32>;

// XLA's own threads: no second pool fights with them for the processor.
Workers workers(ffi::ThreadPool& pool) {
  return {pool.num_threads(), [&pool](std::function<void()> work) { pool.Schedule(std::move(work)); }};
}

// An argument that may be absent is given as an array without elements.
const float* present(const Floats& values) {
  return values.element_count() ? values.typed_data() : nullptr;
}

Recurrence described(int64_t cell, float slope, bool reverse, const Floats& h0, const Floats& c0,
                     const Floats& kernel, const Bools& keep, const Floats& dropout,
                     int64_t time) {
  auto* marks = keep.element_count() ? reinterpret_cast<const uint8_t*>(keep.typed_data()) : nullptr;
  return {static_cast<Cell>(cell), slope,       reverse,
          h0.dimensions()[0],      time,        h0.dimensions()[1],
          h0.typed_data(),         present(c0), kernel.typed_data(),
          marks,                   present(dropout)};
}

ffi::Error run_recurrence(ffi::ThreadPool pool, int64_t cell, float slope, bool reverse,
                          Floats projected, Floats h0,
                      Floats c0, Floats kernel, Bools keep, Floats dropout, Result gates,
                      Result outputs, Result cells, Result h, Result c) {
  // XLA gives `gates` the memory of `projected`, or leaves the copy to us.
  if (gates->typed_data() != projected.typed_data())
    std::copy_n(projected.typed_data(), projected.element_count(), gates->typed_data());
  recurrence(
      described(cell, slope, reverse, h0, c0, kernel, keep, dropout, projected.dimensions()[1]),
      {gates->typed_data(), outputs->typed_data(), cells->typed_data(), h->typed_data(),
       c->typed_data()},
      workers(pool));
  return ffi::Error::Success();
}

ffi::Error run_recurrence_gradient(ffi::ThreadPool pool, int64_t cell, float slope, bool reverse,
                                   Floats saved,
                               Floats h0, Floats c0, Floats kernel, Bools keep, Floats dropout,
                               Floats outputs, Floats cells, Floats of_outputs, Floats of_h,
                               Floats of_c, Result of_gates, Result of_h0, Result of_c0) {
  if (of_gates->typed_data() != saved.typed_data())
    std::copy_n(saved.typed_data(), saved.element_count(), of_gates->typed_data());
  recurrence_gradient(
      described(cell, slope, reverse, h0, c0, kernel, keep, dropout, saved.dimensions()[1]),
      {of_gates->typed_data(), outputs.typed_data(), cells.typed_data(), of_outputs.typed_data(),
       of_h.typed_data(), of_c.typed_data(), of_h0->typed_data(), of_c0->typed_data()},
      workers(pool));
  return ffi::Error::Success();
}

using Geometry = ffi::Span<const int64_t>;

// batch, channels, filters, then in, out, window, stride, dilation and padding of three axes.
Convolution described(Geometry g) {
  Convolution c = {g[0], g[1], g[2], {}};
  for (int i = 0; i < 3; ++i)
    c.axes[i] = {g[6 * i + 3], g[6 * i + 4], g[6 * i + 5], g[6 * i + 6], g[6 * i + 7], g[6 * i + 8]};
  return c;
}

template <auto Kernel>
ffi::Error convolve(ffi::ThreadPool pool, Geometry geometry, Floats left, Floats right,
                    Result result) {
  Kernel(described(geometry), left.typed_data(), right.typed_data(), result->typed_data(),
         workers(pool));
  return ffi::Error::Success();
}

using Places = ffi::Buffer<ffi::U8>;

ffi::Error find_largest(ffi::ThreadPool pool, Geometry geometry, Floats x, Result y,
                        ffi::ResultBuffer<ffi::U8> chosen) {
  largest(described(geometry), x.typed_data(), y->typed_data(), chosen->typed_data(), workers(pool));
  return ffi::Error::Success();
}

template <auto Kernel>
ffi::Error choose(ffi::ThreadPool pool, Geometry geometry, Floats from, Places chosen, Result to) {
  Kernel(described(geometry), from.typed_data(), chosen.typed_data(), to->typed_data(),
         workers(pool));
  return ffi::Error::Success();
}

ffi::Error copy_rows(ffi::ThreadPool pool, ffi::AnyBuffer from, ffi::Buffer<ffi::S32> which,
                     ffi::Result<ffi::AnyBuffer> to) {
  const int64_t count = which.element_count();
  if (count)
    rows(static_cast<const char*>(from.untyped_data()), which.typed_data(), count,
         static_cast<int64_t>(to->size_bytes()) / count, static_cast<char*>(to->untyped_data()),
         workers(pool));
  return ffi::Error::Success();
}

auto choice_signature() {
  return ffi::Ffi::Bind()
      .Ctx<ffi::ThreadPool>()
      .Attr<Geometry>("geometry")
      .Arg<Floats>()
      .Arg<Places>()
      .Ret<Floats>();
}

auto convolution_signature() {
  return ffi::Ffi::Bind()
      .Ctx<ffi::ThreadPool>()
      .Attr<Geometry>("geometry")
      .Arg<Floats>()
      .Arg<Floats>()
      .Ret<Floats>();
}

}  // namespace
}  // namespace keraunos

using keraunos::Bools;
using keraunos::Floats;

#pragma GCC visibility push(default)

XLA_FFI_DEFINE_HANDLER_SYMBOL(keraunos_recurrence, keraunos::run_recurrence,
                              ffi::Ffi::Bind()
                                  .Ctx<ffi::ThreadPool>()
                                  .Attr<int64_t>("cell")
                                  .Attr<float>("slope")
                                  .Attr<bool>("reverse")
                                  .Arg<Floats>()
                                  .Arg<Floats>()
                                  .Arg<Floats>()
                                  .Arg<Floats>()
                                  .Arg<Bools>()
                                  .Arg<Floats>()
                                  .Ret<Floats>()
                                  .Ret<Floats>()
                                  .Ret<Floats>()
                                  .Ret<Floats>()
                                  .Ret<Floats>());

XLA_FFI_DEFINE_HANDLER_SYMBOL(keraunos_recurrence_gradient, keraunos::run_recurrence_gradient,
                              ffi::Ffi::Bind()
                                  .Ctx<ffi::ThreadPool>()
                                  .Attr<int64_t>("cell")
                                  .Attr<float>("slope")
                                  .Attr<bool>("reverse")
                                  .Arg<Floats>()
                                  .Arg<Floats>()
                                  .Arg<Floats>()
                                  .Arg<Floats>()
                                  .Arg<Bools>()
                                  .Arg<Floats>()
                                  .Arg<Floats>()
                                  .Arg<Floats>()
                                  .Arg<Floats>()
                                  .Arg<Floats>()
                                  .Arg<Floats>()
                                  .Ret<Floats>()
                                  .Ret<Floats>()
                                  .Ret<Floats>());

#define KERAUNOS_CONVOLUTION(name)                                            \
  XLA_FFI_DEFINE_HANDLER_SYMBOL(keraunos_##name, keraunos::convolve<keraunos::name>, \
                                keraunos::convolution_signature())

KERAUNOS_CONVOLUTION(convolution);
KERAUNOS_CONVOLUTION(convolution_input);
KERAUNOS_CONVOLUTION(convolution_kernel);
KERAUNOS_CONVOLUTION(depthwise);
KERAUNOS_CONVOLUTION(depthwise_input);
KERAUNOS_CONVOLUTION(depthwise_kernel);

XLA_FFI_DEFINE_HANDLER_SYMBOL(keraunos_largest, keraunos::find_largest,
                              ffi::Ffi::Bind()
                                  .Ctx<ffi::ThreadPool>()
                                  .Attr<keraunos::Geometry>("geometry")
                                  .Arg<Floats>()
                                  .Ret<Floats>()
                                  .Ret<keraunos::Places>());
XLA_FFI_DEFINE_HANDLER_SYMBOL(keraunos_chosen, keraunos::choose<keraunos::chosen_ones>,
                              keraunos::choice_signature());
XLA_FFI_DEFINE_HANDLER_SYMBOL(keraunos_chosen_input,
                              keraunos::choose<keraunos::chosen_ones_input>,
                              keraunos::choice_signature());

XLA_FFI_DEFINE_HANDLER_SYMBOL(keraunos_rows, keraunos::copy_rows,
                              ffi::Ffi::Bind()
                                  .Ctx<ffi::ThreadPool>()
                                  .Arg<ffi::AnyBuffer>()
                                  .Arg<ffi::Buffer<ffi::S32>>()
                                  .Ret<ffi::AnyBuffer>());

#pragma GCC visibility pop
