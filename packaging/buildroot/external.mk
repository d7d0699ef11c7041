include $(sort $(wildcard $(BR2_EXTERNAL_RINGFENCE_PATH)/package/*/*.mk))
