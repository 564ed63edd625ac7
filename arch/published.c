/* SPDX-License-Identifier: Apache-2.0
 *
 * The weight files that frameworks publish, as their sources name them: torchvision 0.29 (the eight digits of SHA-256
 * that stand in its names, sizes, and the transforms of weights that are evaluated otherwise than the network's first),
 * Keras Applications 3.15 (MD5, with heads), timm 1.0. Facts for people: weft downloads nothing. */
#include "registry.h"

#include <string.h>

/* clang-format off */
#define TORCHVISION "https://download.pytorch.org/models/"
#define KERAS_OLD "https://storage.googleapis.com/tensorflow/keras-applications/"
#define KERAS_NEW "https://storage.googleapis.com/keras-applications/"
#define TIMM "https://github.com/rwightman/pytorch-image-models/releases/download/"
#define HUB "https://huggingface.co/timm/"
#define AT(folder, name) .file = name, .address = folder name
#define SHA256(digits) .digest = "sha256:" digits
#define MD5(digits) .digest = "md5:" digits

static const struct row {
    const char *name;
    weft_dialect dialect;
    weft_arch_file file;
} rows[] = {
    { "alexnet", WEFT_TORCH, { AT(TORCHVISION, "alexnet-owt-7be5be79.pth"), SHA256("7be5be79"), .mib = 233.087 } },
    { "googlenet", WEFT_TORCH, { AT(TORCHVISION, "googlenet-1378be20.pth"), SHA256("1378be20"), .mib = 49.731 } },
    { "vgg16", WEFT_KERAS, { AT(KERAS_OLD "vgg16/", "vgg16_weights_tf_dim_ordering_tf_kernels.h5"),
        MD5("64373286793e3c8b2b4e3219cbf3544b") } },
    { "vgg16", WEFT_TORCH, { AT(TORCHVISION, "vgg16-397923af.pth"), SHA256("397923af"), .mib = 527.796 } },
    { "vgg19", WEFT_KERAS, { AT(KERAS_OLD "vgg19/", "vgg19_weights_tf_dim_ordering_tf_kernels.h5"),
        MD5("cbe5617147190e668d6c5d5026f83318") } },
    { "vgg19", WEFT_TORCH, { AT(TORCHVISION, "vgg19-dcbb9e9d.pth"), SHA256("dcbb9e9d"), .mib = 548.051 } },
    { "resnet18", WEFT_TORCH, { AT(TORCHVISION, "resnet18-f37072fd.pth"), SHA256("f37072fd"), .mib = 44.661 } },
    { "resnet34", WEFT_TORCH, { AT(TORCHVISION, "resnet34-b627a593.pth"), SHA256("b627a593"), .mib = 83.275 } },
    { "resnet50", WEFT_TORCH, { AT(TORCHVISION, "resnet50-0676ba61.pth"), SHA256("0676ba61"), .mib = 97.781 } },
    { "resnet50", WEFT_TORCH, { AT(TORCHVISION, "resnet50-11ad3fa6.pth"), SHA256("11ad3fa6"), .mib = 97.79,
        .recipe = "side=232", .top1 = 80.858, .top5 = 95.434 } },
    { "resnet50", WEFT_KERAS, { AT(KERAS_OLD "resnet/", "resnet50_weights_tf_dim_ordering_tf_kernels.h5"),
        MD5("2cb95161c43110f7111970584f804107") } },
    { "resnet101", WEFT_TORCH, { AT(TORCHVISION, "resnet101-63fe2227.pth"), SHA256("63fe2227"), .mib = 170.511 } },
    { "resnet101", WEFT_TORCH, { AT(TORCHVISION, "resnet101-cd907fc2.pth"), SHA256("cd907fc2"), .mib = 170.53,
        .recipe = "side=232", .top1 = 81.886, .top5 = 95.78 } },
    { "resnet101", WEFT_KERAS, { AT(KERAS_OLD "resnet/", "resnet101_weights_tf_dim_ordering_tf_kernels.h5"),
        MD5("f1aeb4b969a6efcfb50fad2f0c20cfc5") } },
    { "resnet152", WEFT_TORCH, { AT(TORCHVISION, "resnet152-394f9c45.pth"), SHA256("394f9c45"), .mib = 230.434 } },
    { "resnet152", WEFT_TORCH, { AT(TORCHVISION, "resnet152-f82ba261.pth"), SHA256("f82ba261"), .mib = 230.474,
        .recipe = "side=232", .top1 = 82.284, .top5 = 96.002 } },
    { "resnet152", WEFT_KERAS, { AT(KERAS_OLD "resnet/", "resnet152_weights_tf_dim_ordering_tf_kernels.h5"),
        MD5("100835be76be38e30d865e96f2aaae62") } },
    { "resnet50v2", WEFT_KERAS, { AT(KERAS_OLD "resnet/", "resnet50v2_weights_tf_dim_ordering_tf_kernels.h5"),
        MD5("3ef43a0b657b3be2300d5770ece849e0") } },
    { "resnet101v2", WEFT_KERAS, { AT(KERAS_OLD "resnet/", "resnet101v2_weights_tf_dim_ordering_tf_kernels.h5"),
        MD5("6343647c601c52e1368623803854d971") } },
    { "resnet152v2", WEFT_KERAS, { AT(KERAS_OLD "resnet/", "resnet152v2_weights_tf_dim_ordering_tf_kernels.h5"),
        MD5("a49b44d1979771252814e80f8ec446f9") } },
    { "inception-v3", WEFT_KERAS, {
        AT(KERAS_OLD "inception_v3/", "inception_v3_weights_tf_dim_ordering_tf_kernels.h5"),
        MD5("9a0d58056eeedaa3f26cb7ebd46da564") } },
    { "inception-v3", WEFT_TORCH, { AT(TORCHVISION, "inception_v3_google-0cc3c7bd.pth"), SHA256("0cc3c7bd"),
        .mib = 103.903 } },
    { "inception-v4", WEFT_TORCH, { AT(HUB "inception_v4.tf_in1k/resolve/main/", "model.safetensors") } },
    { "inception-resnet-v2", WEFT_KERAS, {
        AT(KERAS_OLD "inception_resnet_v2/", "inception_resnet_v2_weights_tf_dim_ordering_tf_kernels.h5"),
        MD5("e693bd0210a403b3192acc6073ad2e96") } },
    { "xception", WEFT_KERAS, { AT(KERAS_OLD "xception/", "xception_weights_tf_dim_ordering_tf_kernels.h5"),
        MD5("0a58e3b7378bc2990ea3b43d5981f1f6") } },
    { "resnext50-32x4d", WEFT_TORCH, { AT(TORCHVISION, "resnext50_32x4d-7cdf4587.pth"), SHA256("7cdf4587"),
        .mib = 95.789 } },
    { "resnext50-32x4d", WEFT_TORCH, { AT(TORCHVISION, "resnext50_32x4d-1a0047aa.pth"), SHA256("1a0047aa"),
        .mib = 95.833, .recipe = "side=232", .top1 = 81.198, .top5 = 95.34 } },
    { "resnext101-32x8d", WEFT_TORCH, { AT(TORCHVISION, "resnext101_32x8d-8ba56ff5.pth"), SHA256("8ba56ff5"),
        .mib = 339.586 } },
    { "resnext101-32x8d", WEFT_TORCH, { AT(TORCHVISION, "resnext101_32x8d-110c445d.pth"), SHA256("110c445d"),
        .mib = 339.673, .recipe = "side=232", .top1 = 82.834, .top5 = 96.228 } },
    { "resnext101-64x4d", WEFT_TORCH, { AT(TORCHVISION, "resnext101_64x4d-173b62eb.pth"), SHA256("173b62eb"),
        .mib = 319.318 } },
    { "se-resnet18", WEFT_TORCH, { AT(TIMM "v0.1-weights/", "seresnet18-4bb0ce65.pth"), SHA256("4bb0ce65") } },
    { "se-resnet34", WEFT_TORCH, { AT(TIMM "v0.1-weights/", "seresnet34-a4004e63.pth"), SHA256("a4004e63") } },
    { "se-resnet50", WEFT_TORCH, { AT(TIMM "v0.1-cadene/", "se_resnet50-ce0d4300.pth"), SHA256("ce0d4300") } },
    { "se-resnet101", WEFT_TORCH, { AT(TIMM "v0.1-cadene/", "se_resnet101-7e38fcc6.pth"), SHA256("7e38fcc6") } },
    { "se-resnet152", WEFT_TORCH, { AT(TIMM "v0.1-cadene/", "se_resnet152-d17c99b7.pth"), SHA256("d17c99b7") } },
    { "se-resnext50-32x4d", WEFT_TORCH, { AT(TIMM "v0.1-weights/", "legacy_se_resnext50_32x4d-f3651bad.pth"),
        SHA256("f3651bad") } },
    { "se-resnext101-32x4d", WEFT_TORCH, { AT(TIMM "v0.1-weights/", "legacy_se_resnext101_32x4d-37725eac.pth"),
        SHA256("37725eac") } },
    { "senet154", WEFT_TORCH, { AT(TIMM "v0.1-weights/", "legacy_senet154-e9eb9fe6.pth"), SHA256("e9eb9fe6") } },
    { "cspresnet50", WEFT_TORCH, { AT(TIMM "v0.1-weights/", "cspresnet50_ra-d3e8d487.pth"), SHA256("d3e8d487") } },
    { "cspresnext50", WEFT_TORCH, { AT(TIMM "v0.1-weights/", "cspresnext50_ra_224-648b4713.pth"),
        SHA256("648b4713") } },
    { "cspdarknet53", WEFT_TORCH, { AT(TIMM "v0.1-weights/", "cspdarknet53_ra_256-d05c7c21.pth"),
        SHA256("d05c7c21") } },
    { "densenet121", WEFT_TORCH, { AT(TORCHVISION, "densenet121-a639ec97.pth"), SHA256("a639ec97"), .mib = 30.845 } },
    { "densenet121", WEFT_KERAS, { AT(KERAS_OLD "densenet/", "densenet121_weights_tf_dim_ordering_tf_kernels.h5"),
        MD5("9d60b8095a5708f2dcce2bca79d332c7") } },
    { "densenet169", WEFT_TORCH, { AT(TORCHVISION, "densenet169-b2777c0a.pth"), SHA256("b2777c0a"), .mib = 54.708 } },
    { "densenet169", WEFT_KERAS, { AT(KERAS_OLD "densenet/", "densenet169_weights_tf_dim_ordering_tf_kernels.h5"),
        MD5("d699b8f76981ab1b30698df4c175e90b") } },
    { "densenet201", WEFT_TORCH, { AT(TORCHVISION, "densenet201-c1103571.pth"), SHA256("c1103571"), .mib = 77.373 } },
    { "densenet201", WEFT_KERAS, { AT(KERAS_OLD "densenet/", "densenet201_weights_tf_dim_ordering_tf_kernels.h5"),
        MD5("1ceb130c1ea1b78c3bf6114dbdfd8807") } },
    { "mobilenet", WEFT_KERAS, { AT(KERAS_OLD "mobilenet/", "mobilenet_1_0_224_tf.h5") } },
    { "mobilenet-0.75", WEFT_KERAS, { AT(KERAS_OLD "mobilenet/", "mobilenet_7_5_224_tf.h5") } },
    { "mobilenet-0.5", WEFT_KERAS, { AT(KERAS_OLD "mobilenet/", "mobilenet_5_0_224_tf.h5") } },
    { "mobilenet-0.25", WEFT_KERAS, { AT(KERAS_OLD "mobilenet/", "mobilenet_2_5_224_tf.h5") } },
    { "mobilenetv2", WEFT_KERAS, {
        AT(KERAS_OLD "mobilenet_v2/", "mobilenet_v2_weights_tf_dim_ordering_tf_kernels_1.0_224.h5") } },
    { "mobilenetv2", WEFT_TORCH, { AT(TORCHVISION, "mobilenet_v2-b0353104.pth"), SHA256("b0353104"),
        .mib = 13.555 } },
    { "mobilenetv2", WEFT_TORCH, { AT(TORCHVISION, "mobilenet_v2-7ebf99e0.pth"), SHA256("7ebf99e0"), .mib = 13.598,
        .recipe = "side=232", .top1 = 72.154, .top5 = 90.822 } },
    { "nasnet-mobile", WEFT_KERAS, { AT(KERAS_OLD "nasnet/", "NASNet-mobile.h5"),
        MD5("020fb642bf7360b370c678b08e0adf61") } },
    { "nasnet-large", WEFT_KERAS, { AT(KERAS_OLD "nasnet/", "NASNet-large.h5"),
        MD5("11577c9a518f0070763c2b964a382f17") } },
    { "efficientnet-b0", WEFT_KERAS, { AT(KERAS_NEW, "efficientnetb0.h5"),
        MD5("902e53a9f72be733fc0bcb005b3ebbac") } },
    { "efficientnet-b0", WEFT_TORCH, { AT(TORCHVISION, "efficientnet_b0_rwightman-7f5810bc.pth"), SHA256("7f5810bc"),
        .mib = 20.451 } },
    { "efficientnet-b1", WEFT_KERAS, { AT(KERAS_NEW, "efficientnetb1.h5"),
        MD5("1d254153d4ab51201f1646940f018540") } },
    { "efficientnet-b1", WEFT_TORCH, { AT(TORCHVISION, "efficientnet_b1_rwightman-bac287d4.pth"), SHA256("bac287d4"),
        .mib = 30.134 } },
    { "efficientnet-b1", WEFT_TORCH, { AT(TORCHVISION, "efficientnet_b1-c27df63c.pth"), SHA256("c27df63c"),
        .mib = 30.136, .recipe = "side=255 resample=bilinear", .top1 = 79.838, .top5 = 94.934 } },
    { "efficientnet-b2", WEFT_KERAS, { AT(KERAS_NEW, "efficientnetb2.h5"),
        MD5("b15cce36ff4dcbd00b6dd88e7857a6ad") } },
    { "efficientnet-b2", WEFT_TORCH, { AT(TORCHVISION, "efficientnet_b2_rwightman-c35c1473.pth"), SHA256("c35c1473"),
        .mib = 35.174 } },
    { "efficientnet-b3", WEFT_KERAS, { AT(KERAS_NEW, "efficientnetb3.h5"),
        MD5("ffd1fdc53d0ce67064dc6a9c7960ede0") } },
    { "efficientnet-b3", WEFT_TORCH, { AT(TORCHVISION, "efficientnet_b3_rwightman-b3899882.pth"), SHA256("b3899882"),
        .mib = 47.184 } },
    { "efficientnet-b4", WEFT_KERAS, { AT(KERAS_NEW, "efficientnetb4.h5"),
        MD5("18c95ad55216b8f92d7e70b3a046e2fc") } },
    { "efficientnet-b4", WEFT_TORCH, { AT(TORCHVISION, "efficientnet_b4_rwightman-23ab8bcd.pth"), SHA256("23ab8bcd"),
        .mib = 74.489 } },
    { "efficientnet-b5", WEFT_KERAS, { AT(KERAS_NEW, "efficientnetb5.h5"),
        MD5("ace28f2a6363774853a83a0b21b9421a") } },
    { "efficientnet-b5", WEFT_TORCH, { AT(TORCHVISION, "efficientnet_b5_lukemelas-1a07897c.pth"), SHA256("1a07897c"),
        .mib = 116.864 } },
    { "efficientnet-b6", WEFT_KERAS, { AT(KERAS_NEW, "efficientnetb6.h5"),
        MD5("165f6e37dce68623721b423839de8be5") } },
    { "efficientnet-b6", WEFT_TORCH, { AT(TORCHVISION, "efficientnet_b6_lukemelas-24a108a5.pth"), SHA256("24a108a5"),
        .mib = 165.362 } },
    { "efficientnet-b7", WEFT_KERAS, { AT(KERAS_NEW, "efficientnetb7.h5"),
        MD5("8c03f828fec3ef71311cd463b6759d99") } },
    { "efficientnet-b7", WEFT_TORCH, { AT(TORCHVISION, "efficientnet_b7_lukemelas-c5b4e57e.pth"), SHA256("c5b4e57e"),
        .mib = 254.675 } },
    { "efficientnet-lite0", WEFT_TORCH, { AT(TIMM "v0.1-weights/", "tf_efficientnet_lite0-0aa007d2.pth"),
        SHA256("0aa007d2") } },
    { "efficientnet-lite1", WEFT_TORCH, { AT(TIMM "v0.1-weights/", "tf_efficientnet_lite1-bde8b488.pth"),
        SHA256("bde8b488") } },
    { "efficientnet-lite2", WEFT_TORCH, { AT(TIMM "v0.1-weights/", "tf_efficientnet_lite2-dcccb7df.pth"),
        SHA256("dcccb7df") } },
    { "efficientnet-lite3", WEFT_TORCH, { AT(TIMM "v0.1-weights/", "tf_efficientnet_lite3-b733e338.pth"),
        SHA256("b733e338") } },
    { "efficientnet-lite4", WEFT_TORCH, { AT(TIMM "v0.1-weights/", "tf_efficientnet_lite4-741542c3.pth"),
        SHA256("741542c3") } },
};
/* clang-format on */

const weft_arch_file *weft_arch_file_get(const weft_arch *arch, int index)
{
    for (int i = 0; arch && i < COUNT(rows); i++) {
        if (rows[i].dialect == arch->dialect && strcmp(rows[i].name, arch->name) == 0 && index-- == 0)
            return &rows[i].file;
    }
    return NULL;
}
