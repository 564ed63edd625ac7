// SPDX-License-Identifier: Apache-2.0
//
// When a function of NVIDIA's is what weft says it is: results and parameters are pairwise both pointers, or both
// integers or enumerations of one size, or the same type.
#ifndef WEFT_TESTS_CUDA_ABI_H
#define WEFT_TESTS_CUDA_ABI_H

#include <cstddef>
#include <type_traits>

namespace {

template <class T> constexpr bool is_number = std::is_integral<T>::value || std::is_enum<T>::value;

template <class T> constexpr std::size_t size_of = sizeof(T);
template <> constexpr std::size_t size_of<void> = 0;

template <class A, class B>
constexpr bool same = std::is_same<A, B>::value || (std::is_pointer<A>::value && std::is_pointer<B>::value) ||
                      (is_number<A> && is_number<B> && size_of<A> == size_of<B>);

template <class A, class B> struct agree : std::false_type {};
template <class A, class B, class... As, class... Bs> struct agree<A (*)(As...), B (*)(Bs...)> {
    template <bool counts, class = void> struct all : std::false_type {};
    template <class Dummy> struct all<true, Dummy> {
        static constexpr bool value = (same<A, B> && ... && same<As, Bs>);
    };
    static constexpr bool value = all<sizeof...(As) == sizeof...(Bs)>::value;
};

} // namespace

#endif
