/* SPDX-License-Identifier: Apache-2.0
 *
 * Every network weft knows, one row per dialect, with its published figures. Counts come from the papers, Keras
 * Applications, torchvision and timm (whose networks are of the torch dialect), and tests/arch builds each row and
 * compares to the unit. The default dialect is the one whose pretrained weights users have: keras for the book's
 * table, else torch, else paper. */
#include "registry.h"

#define LECUN98 "LeCun, Bottou, Bengio & Haffner 1998, Proc. IEEE 86(11)"
#define KRIZHEVSKY "Krizhevsky, Sutskever & Hinton 2012, NIPS 25"
#define ZEILER "Zeiler & Fergus 2013, arXiv:1311.2901"
#define KRIZHEVSKY14 "Krizhevsky 2014, arXiv:1404.5997"
#define GOOGLENET "Szegedy et al. 2014, arXiv:1409.4842"
#define GERON "Geron 2022, Hands-On Machine Learning, 3rd ed., chapter 14"
#define VGG "Simonyan & Zisserman 2014, arXiv:1409.1556"
#define RESNET "He et al. 2015, arXiv:1512.03385"
#define RESNET_V2 "He et al. 2016, arXiv:1603.05027"
#define INCEPTION_V3 "Szegedy et al. 2015, arXiv:1512.00567"
#define INCEPTION_RESNET "Szegedy et al. 2016, arXiv:1602.07261"
#define MOBILENET "Howard et al. 2017, arXiv:1704.04861"
#define MOBILENET_V2 "Sandler et al. 2018, arXiv:1801.04381"
#define NASNET "Zoph et al. 2017, arXiv:1707.07012"
#define XCEPTION "Chollet 2016, arXiv:1610.02357"
#define RESNEXT "Xie et al. 2016, arXiv:1611.05431"
#define SENET "Hu et al. 2017, arXiv:1709.01507"
#define DENSENET "Huang et al. 2016, arXiv:1608.06993"
#define EFFICIENTNET "Tan & Le 2019, arXiv:1905.11946"

#define IMAGENET(pixels, prep) .px = (pixels), .channels = 3, .classes = 1000, .preprocess = WEFT_PREPROCESS_##prep
#define COUNTS(total, train, mac) .params = (total), .trainable = (train), .macs = (mac)
/* clang-format off */
/* The table of the Keras Applications page: MB of the .h5, accuracies, ms per batch of 32. */
#define KERAS_PAGE(mb, one, five, cpu, gpu)                                                        \
    .published = { .source = "Keras Applications", .size_mb = (mb), .top1 = (one), .top5 = (five), \
                   .cpu_ms = (cpu), .gpu_ms = (gpu) }
#define ACCURACY(who, one, five) .published = { .source = (who), .top1 = (one), .top5 = (five) }

const weft_arch_row weft_arch_rows[] = {
    { { "lenet5", "LeNet5", WEFT_PAPER, .is_default = true, .paper = LECUN98,
        .px = 32, .channels = 1, .classes = 10, .preprocess = WEFT_PREPROCESS_UNIT,
        COUNTS(60000, 60000, 325680) },
      weft_build_lenet5, 0, 32 },
    { { "lenet5", "LeNet5", WEFT_KERAS, .paper = LECUN98,
        .px = 32, .channels = 1, .classes = 10, .preprocess = WEFT_PREPROCESS_UNIT,
        COUNTS(61706, 61706, 416520) },
      weft_build_lenet5, 0, 32 },

    { { "fashion-cnn", "FashionCNN", WEFT_KERAS, .is_default = true, .paper = GERON,
        .px = 28, .channels = 1, .classes = 10, .preprocess = WEFT_PREPROCESS_UNIT,
        COUNTS(1413834, 1413834, 89466496) },
      weft_build_fashion_cnn, 0, 8 },

    { { "alexnet", "AlexNet", WEFT_PAPER, .is_default = true, .paper = KRIZHEVSKY, IMAGENET(227, CAFFE),
        COUNTS(60965224, 60965224, 724406816), ACCURACY("Caffe replica", 57.1, 80.2) },
      weft_build_alexnet, 2, 67 },
    { { "alexnet", "AlexNet", WEFT_TORCH, .paper = KRIZHEVSKY14, IMAGENET(224, TORCH),
        COUNTS(61100840, 61100840, 714188480), ACCURACY("torchvision", 56.522, 79.066) },
      weft_build_alexnet, 1, 63 },
    { { "alexnet-ungrouped", "AlexNet-ungrouped", WEFT_PAPER, .is_default = true, .paper = KRIZHEVSKY,
        IMAGENET(227, CAFFE), COUNTS(62378344, 62378344, 1135256096) },
      weft_build_alexnet, 1, 67 },
    { { "zfnet", "ZFNet", WEFT_PAPER, .is_default = true, .paper = ZEILER, IMAGENET(224, CAFFE),
        COUNTS(62357608, 62357608, 1168032896) },
      weft_build_zfnet, 0, 53 },

    { { "googlenet", "GoogLeNet", WEFT_TORCH, .is_default = true, .paper = GOOGLENET, IMAGENET(224, TF),
        COUNTS(6624904, 6624904, 1498376192), ACCURACY("torchvision", 69.778, 89.530) },
      weft_build_googlenet, 0, 32 },
    { { "googlenet", "GoogLeNet", WEFT_PAPER, .paper = GOOGLENET, IMAGENET(224, CAFFE),
        COUNTS(6998552, 6998552, 1582671872), ACCURACY("Caffe replica", 68.7, 88.9) },
      weft_build_googlenet, 0, 32 },

    { { "vgg16", "VGG16", WEFT_KERAS, .is_default = true, .paper = VGG, IMAGENET(224, CAFFE),
        COUNTS(138357544, 138357544, 15470264320), KERAS_PAGE(528, 71.3, 90.1, 69.5, 4.2) },
      weft_build_vgg, 16, 32 },
    { { "vgg16", "VGG16", WEFT_TORCH, .paper = VGG, IMAGENET(224, TORCH),
        COUNTS(138357544, 138357544, 15470264320), ACCURACY("torchvision", 71.592, 90.382) },
      weft_build_vgg, 16, 32 },
    { { "vgg19", "VGG19", WEFT_KERAS, .is_default = true, .paper = VGG, IMAGENET(224, CAFFE),
        COUNTS(143667240, 143667240, 19632062464), KERAS_PAGE(549, 71.3, 90.0, 84.8, 4.4) },
      weft_build_vgg, 19, 32 },
    { { "vgg19", "VGG19", WEFT_TORCH, .paper = VGG, IMAGENET(224, TORCH),
        COUNTS(143667240, 143667240, 19632062464), ACCURACY("torchvision", 72.376, 90.876) },
      weft_build_vgg, 19, 32 },

    { { "resnet18", "ResNet18", WEFT_TORCH, .is_default = true, .paper = RESNET, IMAGENET(224, TORCH),
        COUNTS(11689512, 11689512, 1814073344), ACCURACY("torchvision", 69.758, 89.078) },
      weft_build_resnet, 18, 32 },
    { { "resnet34", "ResNet34", WEFT_TORCH, .is_default = true, .paper = RESNET, IMAGENET(224, TORCH),
        COUNTS(21797672, 21797672, 3663761408), ACCURACY("torchvision", 73.314, 91.420) },
      weft_build_resnet, 34, 32 },
    { { "resnet50", "ResNet50", WEFT_TORCH, .is_default = true, .paper = RESNET, IMAGENET(224, TORCH),
        COUNTS(25557032, 25557032, 4089184256), ACCURACY("torchvision V1", 76.130, 92.862) },
      weft_build_resnet, 50, 32 },
    { { "resnet50", "ResNet50", WEFT_KERAS, .paper = RESNET, IMAGENET(224, CAFFE),
        COUNTS(25636712, 25583592, 3857973248), KERAS_PAGE(98, 74.9, 92.1, 58.2, 4.6) },
      weft_build_resnet, 50, 32 },
    { { "resnet101", "ResNet101", WEFT_TORCH, .is_default = true, .paper = RESNET, IMAGENET(224, TORCH),
        COUNTS(44549160, 44549160, 7801405440), ACCURACY("torchvision V1", 77.37, 93.55) },
      weft_build_resnet, 101, 32 },
    { { "resnet101", "ResNet101", WEFT_KERAS, .paper = RESNET, IMAGENET(224, CAFFE),
        COUNTS(44707176, 44601832, 7570194432), KERAS_PAGE(171, 76.4, 92.8, 89.6, 5.2) },
      weft_build_resnet, 101, 32 },
    { { "resnet152", "ResNet152", WEFT_TORCH, .is_default = true, .paper = RESNET, IMAGENET(224, TORCH),
        COUNTS(60192808, 60192808, 11513626624), ACCURACY("torchvision V1", 78.31, 94.05) },
      weft_build_resnet, 152, 32 },
    { { "resnet152", "ResNet152", WEFT_KERAS, .paper = RESNET, IMAGENET(224, CAFFE),
        COUNTS(60419944, 60268520, 11282415616), KERAS_PAGE(232, 76.6, 93.1, 127.4, 6.5) },
      weft_build_resnet, 152, 32 },

    { { "resnet50v2", "ResNet50V2", WEFT_KERAS, .is_default = true, .in_table = true, .paper = RESNET_V2,
        IMAGENET(224, TF), COUNTS(25613800, 25568360, 3482255360), KERAS_PAGE(98, 76.0, 93.0, 45.6, 4.4) },
      weft_build_resnet_v2, 50, 32 },
    { { "resnet101v2", "ResNet101V2", WEFT_KERAS, .is_default = true, .in_table = true, .paper = RESNET_V2,
        IMAGENET(224, TF), COUNTS(44675560, 44577896, 7194476544), KERAS_PAGE(171, 77.2, 93.8, 72.7, 5.4) },
      weft_build_resnet_v2, 101, 32 },
    { { "resnet152v2", "ResNet152V2", WEFT_KERAS, .is_default = true, .paper = RESNET_V2, IMAGENET(224, TF),
        COUNTS(60380648, 60236904, 10906697728), KERAS_PAGE(232, 78.0, 94.2, 107.5, 6.6) },
      weft_build_resnet_v2, 152, 32 },

    { { "inception-v3", "InceptionV3", WEFT_KERAS, .is_default = true, .in_table = true, .paper = INCEPTION_V3,
        IMAGENET(299, TF), COUNTS(23851784, 23817352, 5713216096), KERAS_PAGE(92, 77.9, 93.7, 42.2, 6.9) },
      weft_build_inception_v3, 0, 75 },
    { { "inception-v3", "InceptionV3", WEFT_TORCH, .paper = INCEPTION_V3, IMAGENET(299, TF),
        COUNTS(23834568, 23834568, 5713216096), ACCURACY("torchvision", 77.294, 93.450) },
      weft_build_inception_v3, 0, 75 },
    { { "inception-v4", "InceptionV4", WEFT_TORCH, .is_default = true, .paper = INCEPTION_RESNET, IMAGENET(299, TF),
        COUNTS(42679816, 42679816, 12253974624), ACCURACY("timm", 80.144, 94.982) },
      weft_build_inception_v4, 0, 75 },
    { { "inception-resnet-v2", "InceptionResNetV2", WEFT_KERAS, .is_default = true, .in_table = true,
        .paper = INCEPTION_RESNET, IMAGENET(299, TF), COUNTS(55873736, 55813192, 13155794016),
        KERAS_PAGE(215, 80.3, 95.3, 130.2, 10.0) },
      weft_build_inception_resnet_v2, 0, 75 },

    { { "xception", "Xception", WEFT_KERAS, .is_default = true, .paper = XCEPTION, IMAGENET(299, TF),
        COUNTS(22910480, 22855952, 8357403496), KERAS_PAGE(88, 79.0, 94.5, 109.4, 8.1) },
      weft_build_xception, 0, 71 },

    { { "resnext50-32x4d", "ResNeXt50", WEFT_TORCH, .is_default = true, .paper = RESNEXT, IMAGENET(224, TORCH),
        COUNTS(25028904, 25028904, 4230479872), ACCURACY("torchvision V1", 77.618, 93.698) },
      weft_build_resnext, 0, 32 },
    { { "resnext101-32x4d", "ResNeXt101", WEFT_TORCH, .is_default = true, .paper = RESNEXT, IMAGENET(224, TORCH),
        COUNTS(44177704, 44177704, 7969996800), ACCURACY("NVIDIA", 80.43, 95.06) },
      weft_build_resnext, 1, 32 },
    { { "resnext101-32x8d", "ResNeXt101_32x8d", WEFT_TORCH, .is_default = true, .paper = RESNEXT, IMAGENET(224, TORCH),
        COUNTS(88791336, 88791336, 16414015488), ACCURACY("torchvision V1", 79.312, 94.526) },
      weft_build_resnext, 2, 32 },
    { { "resnext101-64x4d", "ResNeXt101_64x4d", WEFT_TORCH, .is_default = true, .paper = RESNEXT, IMAGENET(224, TORCH),
        COUNTS(83455272, 83455272, 15460270080), ACCURACY("torchvision V1", 83.246, 96.454) },
      weft_build_resnext, 3, 32 },

    { { "se-resnet18", "SEResNet18", WEFT_TORCH, .is_default = true, .paper = SENET, IMAGENET(224, TORCH),
        COUNTS(11778592, 11778592, 1814160384), ACCURACY("timm", 71.742, 90.340) },
      weft_build_senet, 0, 32 },
    { { "se-resnet34", "SEResNet34", WEFT_TORCH, .is_default = true, .paper = SENET, IMAGENET(224, TORCH),
        COUNTS(21958868, 21958868, 3663918592), ACCURACY("timm", 74.788, 92.134) },
      weft_build_senet, 1, 32 },
    { { "se-resnet50", "SEResNet50", WEFT_TORCH, .is_default = true, .paper = SENET, IMAGENET(224, TORCH),
        COUNTS(28088024, 28088024, 3860488192), ACCURACY("timm", 77.650, 93.732) },
      weft_build_senet, 2, 32 },
    { { "se-resnet101", "SEResNet101", WEFT_TORCH, .is_default = true, .paper = SENET, IMAGENET(224, TORCH),
        COUNTS(49326872, 49326872, 7574937600), ACCURACY("timm", 78.370, 94.264) },
      weft_build_senet, 3, 32 },
    { { "se-resnet152", "SEResNet152", WEFT_TORCH, .is_default = true, .paper = SENET, IMAGENET(224, TORCH),
        COUNTS(66821848, 66821848, 11288993792), ACCURACY("timm", 78.662, 94.370) },
      weft_build_senet, 4, 32 },
    { { "se-resnext50-32x4d", "SEResNeXt50", WEFT_TORCH, .is_default = true, .paper = SENET, IMAGENET(224, TORCH),
        COUNTS(27559896, 27559896, 4232994816), ACCURACY("timm", 79.080, 94.428) },
      weft_build_senet, 5, 32 },
    { { "se-resnext101-32x4d", "SEResNeXt101", WEFT_TORCH, .is_default = true, .paper = SENET, IMAGENET(224, TORCH),
        COUNTS(48955416, 48955416, 7974739968), ACCURACY("timm", 80.274, 95.032) },
      weft_build_senet, 6, 32 },
    { { "senet154", "SENet154", WEFT_TORCH, .is_default = true, .paper = SENET, IMAGENET(224, TORCH),
        COUNTS(115088984, 115088984, 20688363520), ACCURACY("timm", 81.320, 95.502) },
      weft_build_senet, 7, 32 },

    { { "densenet121", "DenseNet121", WEFT_TORCH, .is_default = true, .paper = DENSENET, IMAGENET(224, TORCH),
        COUNTS(7978856, 7978856, 2834161664), ACCURACY("torchvision", 74.434, 91.972) },
      weft_build_densenet, 121, 32 },
    { { "densenet121", "DenseNet121", WEFT_KERAS, .paper = DENSENET, IMAGENET(224, TORCH),
        COUNTS(8062504, 7978856, 2834161664), KERAS_PAGE(33, 75.0, 92.3, 77.1, 5.4) },
      weft_build_densenet, 121, 32 },
    { { "densenet169", "DenseNet169", WEFT_TORCH, .is_default = true, .paper = DENSENET, IMAGENET(224, TORCH),
        COUNTS(14149480, 14149480, 3359843328), ACCURACY("torchvision", 75.600, 92.806) },
      weft_build_densenet, 169, 32 },
    { { "densenet169", "DenseNet169", WEFT_KERAS, .paper = DENSENET, IMAGENET(224, TORCH),
        COUNTS(14307880, 14149480, 3359843328), KERAS_PAGE(57, 76.2, 93.2, 96.4, 6.3) },
      weft_build_densenet, 169, 32 },
    { { "densenet201", "DenseNet201", WEFT_TORCH, .is_default = true, .paper = DENSENET, IMAGENET(224, TORCH),
        COUNTS(20013928, 20013928, 4291365888), ACCURACY("torchvision", 76.896, 93.370) },
      weft_build_densenet, 201, 32 },
    { { "densenet201", "DenseNet201", WEFT_KERAS, .paper = DENSENET, IMAGENET(224, TORCH),
        COUNTS(20242984, 20013928, 4291365888), KERAS_PAGE(80, 77.3, 93.6, 127.2, 6.7) },
      weft_build_densenet, 201, 32 },

    { { "mobilenet", "MobileNet", WEFT_KERAS, .is_default = true, .in_table = true, .paper = MOBILENET,
        IMAGENET(224, TF), COUNTS(4253864, 4231976, 568740352), KERAS_PAGE(16, 70.4, 89.5, 22.6, 3.4) },
      weft_build_mobilenet, 100, 32 },
    { { "mobilenet-0.75", "MobileNet-0.75", WEFT_KERAS, .is_default = true, .paper = MOBILENET, IMAGENET(224, TF),
        COUNTS(2601976, 2585560, 325400448), ACCURACY("Keras Applications", 68.4, 0) },
      weft_build_mobilenet, 75, 32 },
    { { "mobilenet-0.5", "MobileNet-0.5", WEFT_KERAS, .is_default = true, .paper = MOBILENET, IMAGENET(224, TF),
        COUNTS(1342536, 1331592, 149497088), ACCURACY("Keras Applications", 64.3, 0) },
      weft_build_mobilenet, 50, 32 },
    { { "mobilenet-0.25", "MobileNet-0.25", WEFT_KERAS, .is_default = true, .paper = MOBILENET, IMAGENET(224, TF),
        COUNTS(475544, 470072, 41030272), ACCURACY("Keras Applications", 51.6, 0) },
      weft_build_mobilenet, 25, 32 },

    { { "mobilenetv2", "MobileNetV2", WEFT_KERAS, .is_default = true, .in_table = true, .paper = MOBILENET_V2,
        IMAGENET(224, TF), COUNTS(3538984, 3504872, 300774272), KERAS_PAGE(14, 71.3, 90.1, 25.9, 3.8) },
      weft_build_mobilenet_v2, 0, 32 },
    { { "mobilenetv2", "MobileNetV2", WEFT_TORCH, .paper = MOBILENET_V2, IMAGENET(224, TORCH),
        COUNTS(3504872, 3504872, 300774272), ACCURACY("torchvision V1", 71.878, 90.286) },
      weft_build_mobilenet_v2, 0, 32 },

    { { "nasnet-mobile", "NASNetMobile", WEFT_KERAS, .is_default = true, .in_table = true, .paper = NASNET,
        IMAGENET(224, TF), COUNTS(5326716, 5289978, 563638816), KERAS_PAGE(23, 74.4, 91.9, 27.0, 6.7) },
      weft_build_nasnet, 0, 32 },
    { { "nasnet-large", "NASNetLarge", WEFT_KERAS, .is_default = true, .paper = NASNET, IMAGENET(331, TF),
        COUNTS(88949818, 88753150, 23783414658), KERAS_PAGE(343, 82.5, 96.0, 344.5, 20.0) },
      weft_build_nasnet, 1, 32 },

    { { "efficientnet-b0", "EfficientNetB0", WEFT_KERAS, .is_default = true, .in_table = true, .paper = EFFICIENTNET,
        IMAGENET(224, NONE), COUNTS(5330571, 5288548, 385814752), KERAS_PAGE(29, 77.1, 93.3, 46.0, 4.9) },
      weft_build_efficientnet, 0, 32 },
    { { "efficientnet-b0", "EfficientNetB0", WEFT_TORCH, .paper = EFFICIENTNET, IMAGENET(224, TORCH),
        COUNTS(5288548, 5288548, 385814752), ACCURACY("torchvision", 77.692, 93.532) },
      weft_build_efficientnet, 0, 32 },
    { { "efficientnet-b1", "EfficientNetB1", WEFT_KERAS, .is_default = true, .in_table = true, .paper = EFFICIENTNET,
        IMAGENET(240, NONE), COUNTS(7856239, 7794184, 686802832), KERAS_PAGE(31, 79.1, 94.4, 60.2, 5.6) },
      weft_build_efficientnet, 1, 32 },
    { { "efficientnet-b1", "EfficientNetB1", WEFT_TORCH, .paper = EFFICIENTNET, IMAGENET(240, TORCH),
        COUNTS(7794184, 7794184, 686802832), ACCURACY("torchvision", 78.642, 94.186) },
      weft_build_efficientnet, 1, 32 },
    { { "efficientnet-b2", "EfficientNetB2", WEFT_KERAS, .is_default = true, .in_table = true, .paper = EFFICIENTNET,
        IMAGENET(260, NONE), COUNTS(9177569, 9109994, 993561872), KERAS_PAGE(36, 80.1, 94.9, 80.8, 6.5) },
      weft_build_efficientnet, 2, 32 },
    { { "efficientnet-b2", "EfficientNetB2", WEFT_TORCH, .paper = EFFICIENTNET, IMAGENET(288, TORCH),
        COUNTS(9109994, 9109994, 1087529456), ACCURACY("torchvision", 80.608, 95.310) },
      weft_build_efficientnet, 2, 32 },
    { { "efficientnet-b3", "EfficientNetB3", WEFT_KERAS, .is_default = true, .in_table = true, .paper = EFFICIENTNET,
        IMAGENET(300, NONE), COUNTS(12320535, 12233232, 1827141392), KERAS_PAGE(48, 81.6, 95.7, 140.0, 8.8) },
      weft_build_efficientnet, 3, 32 },
    { { "efficientnet-b3", "EfficientNetB3", WEFT_TORCH, .paper = EFFICIENTNET, IMAGENET(300, TORCH),
        COUNTS(12233232, 12233232, 1827141392), ACCURACY("torchvision", 82.008, 96.054) },
      weft_build_efficientnet, 3, 32 },
    { { "efficientnet-b4", "EfficientNetB4", WEFT_KERAS, .is_default = true, .in_table = true, .paper = EFFICIENTNET,
        IMAGENET(380, NONE), COUNTS(19466823, 19341616, 4393771024), KERAS_PAGE(75, 82.9, 96.4, 308.3, 15.1) },
      weft_build_efficientnet, 4, 32 },
    { { "efficientnet-b4", "EfficientNetB4", WEFT_TORCH, .paper = EFFICIENTNET, IMAGENET(380, TORCH),
        COUNTS(19341616, 19341616, 4393771024), ACCURACY("torchvision", 83.384, 96.594) },
      weft_build_efficientnet, 4, 32 },
    { { "efficientnet-b5", "EfficientNetB5", WEFT_KERAS, .is_default = true, .in_table = true, .paper = EFFICIENTNET,
        IMAGENET(456, NONE), COUNTS(30562527, 30389784, 10266384752), KERAS_PAGE(118, 83.6, 96.7, 579.2, 25.3) },
      weft_build_efficientnet, 5, 32 },
    { { "efficientnet-b5", "EfficientNetB5", WEFT_TORCH, .paper = EFFICIENTNET, IMAGENET(456, TORCH),
        COUNTS(30389784, 30389784, 10266384752), ACCURACY("torchvision", 83.444, 96.628) },
      weft_build_efficientnet, 5, 32 },
    { { "efficientnet-b6", "EfficientNetB6", WEFT_KERAS, .is_default = true, .in_table = true, .paper = EFFICIENTNET,
        IMAGENET(528, NONE), COUNTS(43265143, 43040704, 19067593536), KERAS_PAGE(166, 84.0, 96.8, 958.1, 40.4) },
      weft_build_efficientnet, 6, 32 },
    { { "efficientnet-b6", "EfficientNetB6", WEFT_TORCH, .paper = EFFICIENTNET, IMAGENET(528, TORCH),
        COUNTS(43040704, 43040704, 19067593536), ACCURACY("torchvision", 84.008, 96.916) },
      weft_build_efficientnet, 6, 32 },
    { { "efficientnet-b7", "EfficientNetB7", WEFT_KERAS, .is_default = true, .in_table = true, .paper = EFFICIENTNET,
        IMAGENET(600, NONE), COUNTS(66658687, 66347960, 37745884192), KERAS_PAGE(256, 84.3, 97.0, 1578.9, 61.6) },
      weft_build_efficientnet, 7, 32 },
    { { "efficientnet-b7", "EfficientNetB7", WEFT_TORCH, .paper = EFFICIENTNET, IMAGENET(600, TORCH),
        COUNTS(66347960, 66347960, 37745884192), ACCURACY("torchvision", 84.122, 96.908) },
      weft_build_efficientnet, 7, 32 },

    { { "efficientnet-lite0", "EfficientNetLite0", WEFT_TORCH, .is_default = true, .paper = EFFICIENTNET,
        IMAGENET(224, TF), COUNTS(4652008, 4652008, 385187552) },
      weft_build_efficientnet, 8, 32 },
    { { "efficientnet-lite1", "EfficientNetLite1", WEFT_TORCH, .is_default = true, .paper = EFFICIENTNET,
        IMAGENET(240, TF), COUNTS(5416680, 5416680, 600185232) },
      weft_build_efficientnet, 9, 32 },
    { { "efficientnet-lite2", "EfficientNetLite2", WEFT_TORCH, .is_default = true, .paper = EFFICIENTNET,
        IMAGENET(260, TF), COUNTS(6092072, 6092072, 859736272) },
      weft_build_efficientnet, 10, 32 },
    { { "efficientnet-lite3", "EfficientNetLite3", WEFT_TORCH, .is_default = true, .paper = EFFICIENTNET,
        IMAGENET(300, TF), COUNTS(8197096, 8197096, 1607554544) },
      weft_build_efficientnet, 11, 32 },
    { { "efficientnet-lite4", "EfficientNetLite4", WEFT_TORCH, .is_default = true, .paper = EFFICIENTNET,
        IMAGENET(380, TF), COUNTS(13006568, 13006568, 3943564112) },
      weft_build_efficientnet, 12, 32 },
};
/* clang-format on */

const int weft_arch_row_count = COUNT(weft_arch_rows);
